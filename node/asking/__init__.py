"""Questions to others than members: registers of addresses, proxies, sites. Off until turned on."""
