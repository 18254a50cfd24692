"""What a study is like, in counts and shares that may go where no patient's data may."""
