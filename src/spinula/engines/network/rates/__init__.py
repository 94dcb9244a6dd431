"""Networks of rate neurons whose contacts come and go."""
