"""What activity does to a spine: one mechanism per file, plain arithmetic, time in seconds unless a name says otherwise."""
