"""The accounts of django-allauth, whose sign-ins give tokens of ours."""
