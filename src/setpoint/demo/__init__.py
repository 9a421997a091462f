"""The bundled demo: a small real service, its ticket, and a recording of model turns that carries it to production."""
