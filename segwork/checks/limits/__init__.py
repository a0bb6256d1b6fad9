"""The gate policy as data: one TOML file per family."""
