"""The doctor: is everything there that trading needs, and if not, what to type.

It looks and changes nothing: no folder is made, no database migrated, no setting of the account
touched.  Each check gives findings; none of them shows a secret.
"""
