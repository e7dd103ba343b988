"""The impure shell around the generators: doit, Hydra, files and processes."""

if __name__ == "tasks":  # in a checkout, `from tasks.dodo import *` means the one package there is
    import sys

    import hlspike.tasks

    sys.modules[__name__] = hlspike.tasks
