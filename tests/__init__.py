"""The tests: they mirror `monitor/` path for path; stories, faults and form stand beside."""
