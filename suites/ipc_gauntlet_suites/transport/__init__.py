"""Transport and hardening: where endpoints are, who gets in, what leaks out."""
