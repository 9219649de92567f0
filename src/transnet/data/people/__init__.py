"""People in pictures: where they are, who is who from frame to frame, and the crop of each."""
