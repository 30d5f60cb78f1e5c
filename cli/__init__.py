"""What every program shares: settings, errors in one line, exit codes, progress."""
