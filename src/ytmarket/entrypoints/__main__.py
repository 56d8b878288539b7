"""`ytmarket` and `python -m ytmarket.entrypoints` are the command line."""

import gc
import sys


def main() -> None:
    """Run the command line, or say what it needs where ytmarket is installed as a library alone."""
    gc.disable()  # loading leaves no garbage, and looking for it costs a tenth of the start
    try:
        from ytmarket.entrypoints.cli import main as run  # noqa: PLC0415 - the extra may be missing
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] == "ytmarket":
            raise
        sys.exit(
            f'ytmarket: {missing.name} is not installed; the command needs: pip install "ytmarket[server]"'
        )
    finally:
        gc.enable()
    run()


if __name__ == "__main__":
    main()
