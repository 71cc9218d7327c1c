"""Which unit a problem is sent to: rules over category, place, time and way in, the first that fits; they say why.

Pure functions over values, with no kernel below them.
"""
