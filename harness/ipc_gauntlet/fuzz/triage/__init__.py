"""From an input that did something wrong to a finding that a person can understand and a test can replay."""
