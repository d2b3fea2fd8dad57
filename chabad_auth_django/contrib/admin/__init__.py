"""Pages for staff in the Django admin, over the services of the core.

How a page is made:

1. A module of ``pages`` has one ``Page`` class for each address. ``title`` and ``template_name``
   say what it shows, and ``permissions`` names those of ``rights.PERMISSIONS`` of which a staff
   member needs one; with none of them the answer is a 403 that names them.
2. ``Page.read(request, **kwargs)`` returns the template's variables. All calls of services are in
   it, and of ``reads``, which has what no other part of the package reads: at most ten commands to
   MongoDB. A page that changes something has ``change`` besides, which
   returns a redirect; it runs for POST alone.
3. ``look`` records in the audit trail that personal data is shown, before it is. ``act`` runs a
   change with an entry in Django's ``LogEntry``.
4. What a service raises needs no handling: a domain error is a banner with its status, and so is
   an outage (503). ``section`` catches ``TooSlow`` of one part of a page.
5. ``admin.py`` has a ``PageAdmin`` for each placeholder model, whose ``pages`` are the addresses.
   The first is called ``changelist``: ``reverse("admin:chabad_admin_<model>_<name>")``.
6. Templates extend ``chabad_admin/base.html``: ``{% block filters %}`` is there in an outage, too,
   ``{% block page %}`` only when ``read`` has returned. ``{% load chabad_admin %}`` has ``when``
   and ``clock`` for times, ``shown`` for stored text, ``badge``, ``pager`` and ``empty``.
7. Every text is marked for gettext, and ``locale/he`` has it in Hebrew.
"""
