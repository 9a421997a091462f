"""Services of a room: started when the first of its commands asks for them, gone with the room."""
