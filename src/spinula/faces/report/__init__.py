"""One self-contained HTML page: figures, numbers, parameters and their papers; no network, no script."""

from spinula.faces.report.page import write_comparison_report, write_fit_report
from spinula.faces.report.protocol import write_competition_report, write_protocol_report

__all__ = ["write_comparison_report", "write_competition_report", "write_fit_report", "write_protocol_report"]
