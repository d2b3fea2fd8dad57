"""Accounts without a date."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models


class Account(AbstractBaseUser):
    """An account with a number for its primary key."""

    name = models.CharField(max_length=50, unique=True)

    USERNAME_FIELD = "name"
