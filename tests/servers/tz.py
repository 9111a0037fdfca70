"""`tz` as the tests against servers run it."""

import os
import threading
import time
from pathlib import Path

from program import OK, Result, Run

# What would reach `tz` from whoever runs the tests.
FOREIGN = ("TZ_", "AWS_", "S3_")


class Tz:
    """The program, in an environment without any settings of the machine's user."""

    def __init__(self, program: Path, home: Path):
        self.program = program
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(FOREIGN) and not name.lower().endswith("_proxy")
        }
        self.environment |= {"HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}

    def start(self, *arguments, environment=None) -> Run:
        """Starts it, for tests that do something meanwhile."""
        command = [str(self.program), *map(str, arguments)]
        return Run(command, self.environment | (environment or {}))

    def __call__(self, *arguments, environment=None, seconds=60) -> Result:
        """Runs it to its end."""
        return self.start(*arguments, environment=environment).finish(seconds)

    def watched(self, *arguments, environment=None, seconds=60, every=0.005) -> Result:
        """The same, looked at so often, in seconds."""
        run = self.start(*arguments, environment=environment)
        ended = threading.Event()

        def look():
            while not ended.is_set():
                run.look()
                time.sleep(every)

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            return run.finish(seconds)
        finally:
            ended.set()
            watcher.join()

    def load(self, *arguments, **keywords) -> dict:
        """What a load that must succeed says of itself."""
        return self("load", "--json", *arguments, **keywords).json

    def checksum(self, *arguments, **keywords) -> bytes:
        """What a run that must succeed and say nothing else prints."""
        result = self("checksum", *arguments, **keywords)
        assert (result.code, result.error) == (OK, ""), result
        return result.out

    def refuses(self, code, *arguments, **keywords) -> str:
        """The one line of a run that must fail, and print nothing else."""
        result = self(*arguments, **keywords)
        assert (result.code, result.out) == (code, b""), result
        assert result.error.count("\n") == 1, result
        return result.error
