"""Units, quantities, TOML reading, random streams, the spine table and the errors: what every floor above stands on."""
