"""From longitudinal tables to laws, with intervals."""
