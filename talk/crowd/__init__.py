"""A crowd: many clients at once, and a picture of who waited.

`running` comes first, then `members`; `picture`, `report` and `times` show what came of them.
"""
