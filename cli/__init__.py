"""What every program shares: settings, one-line errors, exit codes, progress."""
