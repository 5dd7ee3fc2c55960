"""Which branches of the measured modules an execution took. The way in is `instrument.install`."""
