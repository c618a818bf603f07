"""Places where files are, behind one protocol: disks, S3; both sides use them."""
