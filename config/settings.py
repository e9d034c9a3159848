"""Django settings: everything comes from :mod:`config.environment`; what differs between packages lives in them."""

from datetime import timedelta

from csp.constants import NONE, SELF

from config.database import parse_database_url
from config.environment import BASE_DIR, ENVIRONMENT
from config.spatial_libraries import bundled_library
from layers.folders import module_apps

VAR_DIR = ENVIRONMENT.var_dir
SECRET_KEY = ENVIRONMENT.secret_key
DATA_KEY = ENVIRONMENT.data_key
DEBUG = ENVIRONMENT.debug
ALLOWED_HOSTS = list(ENVIRONMENT.hosts)
CITY_CODE = ENVIRONMENT.city
MQTT_URL = ENVIRONMENT.mqtt_url
BROKER_DIR = ENVIRONMENT.broker_dir
GB28181_PORT = ENVIRONMENT.gb28181_port
VIDEO_FILES_DIR = VAR_DIR / "video-files"
VIDEO_CA_FILE = ENVIRONMENT.video_ca
METRICS_PORT = ENVIRONMENT.metrics_port
ARCHIVE_URL = ENVIRONMENT.archive_url
RECORDINGS_URL = ENVIRONMENT.recordings_url
PROCESS_NAME = ENVIRONMENT.process
REVISION = ENVIRONMENT.revision
OUTSIDE_ORIGINS = ENVIRONMENT.origins

INSTALLED_APPS = [
    "gis",
    "access",
    "twin",
    "devices",
    "media",
    "command",
    "layers",
    *module_apps(),
    "access.desk.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.gis",
    "axes",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "access.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "access.middleware.AuditMiddleware",
    "access.middleware.SessionLimitMiddleware",
    "access.outside.OutsideDoorMiddleware",
    "access.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": parse_database_url(ENVIRONMENT.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if geos := bundled_library("shapely", "libgeos_c-*.so*"):
    GEOS_LIBRARY_PATH = geos
if gdal := bundled_library("pyogrio", "libgdal-*.so*"):
    GDAL_LIBRARY_PATH = gdal

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [("web", BASE_DIR / "web" / "dist")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": VAR_DIR / "files"}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
# The bundle's file names carry their hash.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^.+/web/assets/.+$"

AUTH_USER_MODEL = "access.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "map"
LOGOUT_REDIRECT_URL = "sign-in"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "worker-src": [SELF, "blob:"],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        # Recordings are played from pieces that the page puts together (media source extensions).
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENVIRONMENT.https
if ENVIRONMENT.https:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_AGE = 8 * 3600
# Eight hours without use; the session's own middleware slides it, and ends it after twelve whatever happens.
SESSION_SAVE_EVERY_REQUEST = False
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "access.views.locked_out"
AXES_DISABLE_ACCESS_LOG = True  # the audit ledger has it
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False
X_FRAME_OPTIONS = "DENY"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},
        "procrastinate": {"level": "WARNING"},
        "uvicorn": {"handlers": [], "propagate": True},
        # Addresses hold names that were searched for. Said here: to configure a logger anew resets its children.
        "uvicorn.access": {"handlers": [], "propagate": False},
    },
}

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # Each web process keeps its own tiles: their keys carry the version of what they show, so none goes stale.
    "tiles": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "tiles",
        "TIMEOUT": 24 * 3600,
        "OPTIONS": {"MAX_ENTRIES": 5000},
    },
}
