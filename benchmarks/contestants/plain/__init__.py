"""Plain mongoengine and Django REST framework, as their tutorials show them."""
