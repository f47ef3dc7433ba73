"""Real work on videos: ffmpeg as a process that dies with its task. handlers/video_processing.py calls it."""
