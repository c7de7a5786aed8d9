print("timberd")
