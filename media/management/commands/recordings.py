"""Prove recordings: that none was changed, removed or put elsewhere."""

import sys

from django.core.management.base import BaseCommand, CommandParser

from media.recordings.keeping import recorded_channels, verify
from media.recordings.words import said


class Command(BaseCommand):
    """``manage.py recordings verify``: ends with 1 where something does not fit."""

    help = "校验录像的散列链：改动、缺失、调换都会指出"

    def add_arguments(self, parser: CommandParser) -> None:
        """What of."""
        parser.add_argument("action", choices=["verify"])
        parser.add_argument("--channel", default="", help="只校验这一路（通道编码）")
        parser.add_argument("--rows-only", action="store_true", help="只校验登记，不读文件")

    def handle(self, *args: object, **options: object) -> None:
        """Verify, and tell."""
        broken = count = 0
        for channel in recorded_channels():
            if options["channel"] and channel.code != options["channel"]:
                continue
            count += 1
            for fault in verify(channel, files=not options["rows_only"]):
                broken += 1
                self.stdout.write(f"{channel}  {said(fault)}")
        self.stdout.write(f"{count} channels, {broken} faults")
        if broken:
            sys.exit(1)
