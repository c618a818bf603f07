"""The part of semscore that runs on the driver: the command and the job."""
