"""The driver's side of semscore: the command and the job."""
