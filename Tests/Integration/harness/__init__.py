"""What the integration tests stand on: a private timberd, its clients, a view of the host, and builders of images."""
