"""AWS Lambda's Invoke API and Runtime API on one machine."""
