"""Archives of videos: labels and features of many videos, on one machine or many."""
