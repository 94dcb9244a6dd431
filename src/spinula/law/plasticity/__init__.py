"""What activity does to a spine: one mechanism per file, plain arithmetic, seconds unless a name says otherwise."""
