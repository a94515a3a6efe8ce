"""Who may do what: users, projects, roles, API keys, tokens and socket tickets."""
