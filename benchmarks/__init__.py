"""What vivavoce promises about speed and size, measured. `make bench` runs all of it; see README.md."""
