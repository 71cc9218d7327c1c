"""Which open cases a report may be about already: a likeness in points, with the reasons it stands on.

Pure functions over values, with no kernel below them. The weights were found on Boston's requests of January to August 2015;
`civicloop bench duplicates` measures them on September to December.
"""
