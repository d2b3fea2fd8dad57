"""What the pages read: services that nothing but the admin needs."""
