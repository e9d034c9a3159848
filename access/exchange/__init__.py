"""Import and export on the desk: one road for every register, whoever declares it.

:mod:`tables` reads and writes files, :mod:`columns` says what a cell means, :mod:`rows` takes a file's rows in (always
tried first), :mod:`drafts` keeps a file between the trial and the confirmation, :mod:`outgoing` makes export files,
:mod:`pages` are the pages. The rows run on django-import-export; its own admin pages are not used, for they need inline
scripts, know no scope and no error file.
"""
