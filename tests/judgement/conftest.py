"""The small projects of the corpus have tests of their own; those are judged, not collected."""

collect_ignore = ["projects"]
