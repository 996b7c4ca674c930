"""To notice that somebody has saved a file."""

import time
from collections.abc import Generator
from pathlib import Path
from threading import Event

SETTLED = 0.03  # seconds: an editor may first truncate a file or move it, and then write it


def changes(folder: Path) -> Generator[None]:
    """Yield at once, and then each time that a file in a folder was changed, for ever."""
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    changed = Event()

    class Noticed(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            if event.event_type in ("created", "modified", "moved", "deleted"):
                changed.set()

    observer = Observer()
    observer.schedule(Noticed(), str(folder))
    observer.start()
    try:
        while True:
            yield
            changed.wait()
            time.sleep(SETTLED)
            changed.clear()
    finally:
        observer.stop()
        observer.join()
