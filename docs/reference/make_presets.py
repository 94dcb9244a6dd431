"""Write presets.md from the presets themselves: parameter, value, range, source, place, and the exam."""

from pathlib import Path

from spinula.presets import bibliography, load_preset, preset_names


def page() -> str:
    """Return the page as Markdown."""
    lines = [
        "# Presets",
        "",
        "Written by `make docs` from the TOML files; `assumed` means from memory or by design.",
        "",
    ]
    for name in preset_names():
        preset = load_preset(name)
        lines += [f"## {name}", "", f"{preset.about.title}. Status: **{preset.about.status}**. {preset.about.note}", ""]
        lines += ["| parameter | value | unit | range | how | source | where |", "|---|---|---|---|---|---|---|"]
        for key, q in preset.quantities.items():
            span = f"{q.range[0]:g} to {q.range[1]:g}" if q.range else ""
            source = bibliography()[q.source].short if q.source in bibliography() else q.source
            lines.append(f"| {key} | {q.value:g} | {q.unit} | {span} | {q.how} | {source} | {q.where} |")
        lines.append("")
        for check in preset.checks:
            source = bibliography()[check.source].short
            lines.append(
                f"Exam: {check.observable} over {check.over_days:g} days, published {check.published:g} ± "
                f"{check.tolerance:g} ({source}; {check.note}).\n"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    Path(__file__).with_name("presets.md").write_text(page(), encoding="utf-8")
