"""What engines that ask an endpoint over HTTP have in common: options, requests, event streams, trouble."""
