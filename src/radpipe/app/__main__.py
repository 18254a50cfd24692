"""`python -m radpipe.app` is the command `radpipe`."""

from radpipe.app.cli import main

if __name__ == "__main__":
    main()
