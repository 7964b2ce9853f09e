"""What the feedback door says no with beyond the shared kinds."""

from rest_framework.exceptions import APIException


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
