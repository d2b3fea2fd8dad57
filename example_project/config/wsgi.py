"""The WSGI application, for a server such as granian or gunicorn."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# Now that the process has imported everything, the garbage collector may do less. A page of a
# hundred rows is more new objects than Python's threshold, so the collector would run for each of
# them, and look through all modules now and then, although there is next to nothing to collect:
# what a request was answered from is freed without it.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
