"""The pure core: every stage is a function from one frozen value to the next. No files, no processes."""

if __name__ == "generators":  # in a checkout, an old name means the one package there is
    import sys

    import hlspike.generators

    sys.modules[__name__] = hlspike.generators
