"""`python -m montage_cli`, what bin/montage starts."""

from montage_cli.cli import main

if __name__ == "__main__":
    main()
