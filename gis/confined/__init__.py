"""Reads and writes files of features in a process of its own, with limits, for :mod:`gis.formats`.

What people upload was made by others. The code here looks into it: it is started by :mod:`gis.formats.process` with an
empty environment, a folder to work in, and limits of memory, time and file size; it has no database, opens no socket,
starts no program, and answers with an Arrow file and a JSON file in that folder. It speaks in reason keys;
:mod:`gis.formats.reasons` turns them into sentences.
"""
