"""Video files, cameras and network streams: frames in, frames out."""
