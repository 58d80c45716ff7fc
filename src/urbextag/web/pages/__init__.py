"""The pages, a file for each; they read what the API reads and change nothing themselves."""

from urbextag.web.pages import home, jobs, location, locations, photo, review, search, settings, sign_in

ROUTERS = (
    home.router,
    jobs.router,
    location.router,
    locations.router,
    photo.router,
    review.router,
    search.router,
    settings.router,
    sign_in.router,
)
