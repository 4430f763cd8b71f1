"""The pages: views, templates and static files, one room a role."""
