"""`python -m broadcast`: the same as the `broadcast` command."""

from broadcast.cli import main

main()
